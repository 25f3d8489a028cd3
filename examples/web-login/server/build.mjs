// What the pages load, made from the client beside this example. An application of your own has it from
// `npm install @smsgw/client`, and a bundler that it has anyway.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const client = fileURLToPath(new URL('../../../clients/js/', import.meta.url))
const run = (...command) => execFileSync('npm', command, { cwd: client, stdio: ['ignore', 'ignore', 'inherit'] })
if (!existsSync(client + 'node_modules')) run('ci', '--ignore-scripts')
// Whoever has built it already, as our tests, says so.
if (!process.env.CLIENT_IS_BUILT) run('run', 'build')

const { build } = await import(client + 'node_modules/esbuild/lib/main.js')
await build({
    entryPoints: ['login.js', 'app.jsx'].map((file) => fileURLToPath(new URL('../app/' + file, import.meta.url))),
    outdir: fileURLToPath(new URL('../built', import.meta.url)),
    bundle: true,
    minify: true,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: Object.fromEntries(
        [
            ['', 'index'],
            ['/account', 'account'],
            ['/element', 'element'],
            ['/react', 'react'],
        ].map(([entry, file]) => ['@smsgw/client' + entry, `${client}dist/${file}.js`]),
    ),
    nodePaths: [client + 'node_modules'],
})

/** The server uses the client, too, with its secret key. */
export const { createSmsClient } = await import(client + 'dist/index.js')
export const { createTwoFactor, redeemResetToken } = await import(client + 'dist/account.js')
