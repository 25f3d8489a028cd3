// Modules with their declarations for bundlers, and one file for pages that have none.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
process.chdir(root)
rmSync('dist', { recursive: true, force: true })
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
execFileSync(process.execPath, [compiler], { stdio: 'inherit' })
await build({
    entryPoints: { 'otp-verify': 'src/element.ts', client: 'src/index.ts' },
    outdir: 'dist/browser',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
})
