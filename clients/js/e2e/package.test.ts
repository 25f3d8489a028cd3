/** What others install: every entry is there, with its types, and wants nothing. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(root + 'package.json', 'utf8'))

test('the package holds what it exports and no more than it needs', () => {
    const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        cwd: root,
        encoding: 'utf8',
    })
    const files: string[] = JSON.parse(packed)[0].files.map(({ path }: { path: string }) => path)
    for (const entry of ['.', './account', './element', './react']) {
        for (const path of Object.values<string>(manifest.exports[entry])) expect(files).toContain(path.slice(2))
    }
    expect(files).toContain('dist/browser/otp-verify.js')
    expect(files.filter((path) => !/^(dist\/|package\.json$|README\.md$)/.test(path))).toEqual([])
    expect(manifest).not.toHaveProperty('dependencies')
    expect(manifest.peerDependenciesMeta).toEqual({ react: { optional: true } })
})

test.each([
    ['@smsgw/client', 'createSmsClient'],
    ['@smsgw/client/account', 'createTwoFactor'],
    ['@smsgw/client/element', 'OtpVerifyElement'],
    ['@smsgw/client/react', 'useSmsService'],
])('%s can be imported where there is no browser', (entry, name) => {
    const script = `import { ${name} } from '${entry}'; console.log(typeof ${name})`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: root, encoding: 'utf8' })
    expect(said.trim()).toBe('function')
})
