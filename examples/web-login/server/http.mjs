// A server of nothing but Node: files, doors, and the headers that keep a page to itself.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { doors } from './doors.mjs'
import { refusal } from './rules.mjs'
import { sessionOf } from './sessions.mjs'
import { HOMES } from './users.mjs'

const FILES = {
    '/': ['pages/login.html', 'text/html; charset=utf-8'],
    ...Object.fromEntries(
        ['/app', '/account', '/reset', ...Object.values(HOMES)].map((path) => [path, ['pages/app.html', 'text/html; charset=utf-8']]),
    ),
    '/style.css': ['pages/style.css', 'text/css; charset=utf-8'],
    '/icon.svg': ['pages/icon.svg', 'image/svg+xml'],
    '/login.js': ['built/login.js', 'text/javascript; charset=utf-8'],
    '/app.js': ['built/app.js', 'text/javascript; charset=utf-8'],
}

const HEADERS = {
    'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
}

/** Resolves to the address once it listens, on this machine only. */
export function serve(gateway, port) {
    const server = createServer((request, response) => {
        answer(gateway, request, response).catch((error) => fail(response, error))
    })
    return new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, '127.0.0.1', () => resolve(`http://localhost:${server.address().port}`))
    })
}

async function answer(gateway, request, response) {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    const path = request.url.replace(/\?.*/, '')
    const [, place, id] = /^(\/otp\/sessions|\/account\/devices)\/(.+)$/.exec(path) ?? []
    const door = doors[`${request.method} ${place ? place + '/{id}' : path}`]
    if (door) {
        if (request.method !== 'GET') ownPage(request)
        const body = request.method === 'GET' ? {} : await read(request)
        const session = sessionOf(request, response)
        const ip = request.socket.remoteAddress
        const said = await door({ gateway, session, body, id: id && decodeURIComponent(id), ip, response })
        return said === undefined ? response.writeHead(204).end() : json(response, 200, said)
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
    const hasBody = headers['transfer-encoding'] || Number(headers['content-length'])
    if (hasBody && !headers['content-type']?.startsWith('application/json')) throw refusal(415, 'Send JSON.')
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
