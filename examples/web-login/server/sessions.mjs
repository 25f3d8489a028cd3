// Sessions by cookie, in memory: a real application keeps them where they survive a restart.
import { randomBytes } from 'node:crypto'

const COOKIE = 'web_login'
const HOURS = 8
const sessions = new Map()

/** Whose request this is. Somebody unknown has a session too, that remembers which code was sent for this browser. */
export function sessionOf(request, response) {
    const id = /(?:^|; )web_login=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]
    const session = sessions.get(id)
    if (session && session.until > Date.now()) return session
    sessions.delete(id)
    return begin(response, {})
}

/** A new id whenever somebody signs in or out: one that was planted in the browser before is good for nothing. */
export function renew(session, response, content) {
    sessions.delete(session.id)
    return begin(response, content)
}

/** Of somebody whose password is another one now: in no browser they are signed in any more. */
export function endSessionsOf(userId) {
    for (const [id, { user }] of sessions) if (user?.id === userId) sessions.delete(id)
}

function begin(response, content) {
    const now = Date.now()
    for (const [id, { until }] of sessions) if (until < now) sessions.delete(id)
    const session = { ...content, id: randomBytes(24).toString('base64url'), until: now + HOURS * 3600_000 }
    sessions.set(session.id, session)
    // Served by https, add `Secure` and call it `__Host-web_login`.
    response.setHeader(
        'set-cookie',
        `${COOKIE}=${session.id}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${HOURS * 3600}`,
    )
    return session
}
