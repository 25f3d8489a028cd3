// What a page loads, against what it may: fails above. React's own parts are counted apart and have no budget.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const BUDGET = 6 * 1024
const parts = [
    ['client', `export * from './src/index.ts'`, BUDGET],
    ['client and element', `export * from './src/index.ts'; export * from './src/element.ts'`, BUDGET],
    ['account, with what it needs of the client', `export * from './src/account.ts'`, BUDGET],
]
for (const [name, contents, budget] of parts) {
    const { outputFiles } = await build({
        stdin: { contents, resolveDir: new URL('..', import.meta.url).pathname },
        bundle: true,
        minify: true,
        format: 'esm',
        target: 'es2022',
        write: false,
        external: ['react', 'react/jsx-runtime'],
    })
    const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length
    console.log(`${name}: ${bytes} bytes gzipped${budget < Infinity ? `, may be ${budget - 1}` : ''}`)
    if (bytes >= budget) process.exitCode = 1
}
