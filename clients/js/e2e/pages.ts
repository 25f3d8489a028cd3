/** Pages as an application would serve them, under a policy that refuses whatever is written into a page. */

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const CSP = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    // The picture of an app's key.
    "img-src 'self' data:",
    'connect-src http://127.0.0.1:*',
    "form-action 'self'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
].join('; ')

const SHEET = `
:root { color-scheme: light dark }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: light-dark(#fff, #121417); color: light-dark(#16181c, #f2f4f8) }
main { padding: 1rem }
`

export async function servePages() {
    const dist = fileURLToPath(new URL('../dist/', import.meta.url))
    const react = await build({
        entryPoints: [fileURLToPath(new URL('pages/react.tsx', import.meta.url))],
        bundle: true,
        write: false,
        format: 'esm',
        jsx: 'automatic',
        define: { 'process.env.NODE_ENV': '"production"' },
        alias: {
            '@smsgw/client/account': dist + 'account.js',
            '@smsgw/client/react': dist + 'react.js',
            '@smsgw/client': dist + 'index.js',
        },
    })
    const files: Record<string, [string, () => string | Promise<string>]> = {
        '/otp-verify.js': ['text/javascript', () => readFile(dist + 'browser/otp-verify.js', 'utf8')],
        '/react.js': ['text/javascript', () => react.outputFiles[0]!.text],
        '/style.css': ['text/css', () => SHEET],
        '/icon.svg': ['image/svg+xml', () => '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    }
    const server = createServer(async (request, response) => {
        const url = new URL(request.url!, 'http://localhost')
        const [type, content] = files[url.pathname] ?? ['text/html; charset=utf-8', () => page(url)]
        response.writeHead(200, { 'content-type': type, 'content-security-policy': CSP, 'cache-control': 'no-store' })
        response.end(await content())
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const origin = `http://localhost:${(server.address() as AddressInfo).port}`
    return { origin, close: () => (server.closeAllConnections(), server.close()) }
}

/** `/element?attribute=value…` is a page with the element alone; others are React's. */
function page({ pathname, searchParams }: URL): string {
    const escape = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
    const attributes = [...searchParams].map(([name, value]) => `${name}="${escape(value)}"`).join(' ')
    const content =
        pathname === '/element' || pathname === '/form'
            ? `<script type="module" src="/otp-verify.js"></script>
<main><h1>Sign in</h1>
${pathname === '/form' ? '<form action="/landed">' : ''}<otp-verify ${attributes}></otp-verify>
${pathname === '/form' ? '<button id="send">Send the form</button></form>' : ''}
<p><a href="#after">A link after it</a></p></main>`
            : `<script type="module" src="/react.js"></script><main id="root"></main>`
    return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/icon.svg"><link rel="stylesheet" href="/style.css"></head><body>${content}</body></html>`
}
