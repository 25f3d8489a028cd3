// A server of nothing but Node: files, doors, and the headers that keep a page to itself.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { doors, refusal } from './doors.mjs'
import { sessionOf } from './sessions.mjs'
import { HOMES } from './users.mjs'

const FILES = {
    '/': ['pages/login.html', 'text/html; charset=utf-8'],
    ...Object.fromEntries(
        ['/app', ...Object.values(HOMES)].map((path) => [path, ['pages/app.html', 'text/html; charset=utf-8']]),
    ),
    '/style.css': ['pages/style.css', 'text/css; charset=utf-8'],
    '/icon.svg': ['pages/icon.svg', 'image/svg+xml'],
    '/login.js': ['built/login.js', 'text/javascript; charset=utf-8'],
    '/app.js': ['built/app.js', 'text/javascript; charset=utf-8'],
}

const HEADERS = {
    'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
}

/** Resolves to the address once it listens, on this machine only. */
export function serve(sms, port) {
    const server = createServer((request, response) => {
        answer(sms, request, response).catch((error) => fail(response, error))
    })
    return new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, '127.0.0.1', () => resolve(`http://localhost:${server.address().port}`))
    })
}

async function answer(sms, request, response) {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    const path = request.url.replace(/\?.*/, '')
    const door = doors[`${request.method} ${path.replace(/^(\/otp\/sessions)\/.*/, '$1')}`]
    if (door) {
        if (request.method !== 'GET') ownPage(request)
        const body = request.method === 'GET' ? {} : await read(request)
        const session = sessionOf(request, response)
        return json(response, 200, await door({ sms, session, body, ip: request.socket.remoteAddress, response }))
    }
    const [file, type] = FILES[path] ?? []
    if (!file || request.method !== 'GET') throw refusal(404, 'There is nothing here.')
    const content = await readFile(new URL('../' + file, import.meta.url))
    response.setHeader('content-type', type)
    response.end(content)
}

/** Another site's page could send a form here with this browser's cookie. */
function ownPage({ headers }) {
    const { origin } = headers
    if (origin && origin.replace(/^https?:\/\//, '') !== headers.host) throw refusal(403, 'That is another site.')
    if (!headers['content-type']?.startsWith('application/json')) throw refusal(415, 'Send JSON.')
}

async function read(request) {
    let text = ''
    for await (const chunk of request) {
        text += chunk
        if (text.length > 10_000) throw refusal(413, 'That is too much.')
    }
    try {
        return JSON.parse(text || '{}')
    } catch {
        throw refusal(400, 'That is no JSON.')
    }
}

/** What the gateway refuses is told as it tells it; a fault of ours says nothing of itself. */
function fail(response, error) {
    const { status, code, message, detail, retryAfter, attemptsRemaining, fields } = error
    if (!code || !status) {
        console.error(error)
        return json(response, 502, { code: 'unavailable', status: 502, title: 'The server could not do that.' })
    }
    // That the server's key is not good is nothing that a page could mend.
    if (status === 401 && code !== 'signed-out') console.error(`the gateway does not take this server's key: ${detail}`)
    if (retryAfter) response.setHeader('retry-after', retryAfter)
    json(response, status, { code, status, title: message, attempts_remaining: attemptsRemaining, errors: fields })
}

function json(response, status, body) {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
}
