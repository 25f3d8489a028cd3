// Who may go on, and how what is said to the pages is written.

export function refusal(status, message) {
    return Object.assign(new Error(message), { status, code: status === 401 ? 'signed-out' : 'refused' })
}

export function userOf(session) {
    if (!session.user) throw refusal(401, 'Sign in first.')
    return session.user
}

/** Whoever has shown a second factor, too, if they have one. */
export function confirmed(session) {
    const user = userOf(session)
    if (!session.confirmed) throw refusal(403, 'Confirm the code first.')
    return user
}

/** Names as the gateway has them, since the client on the page reads them so. */
export function asGateway(answer) {
    if (Array.isArray(answer)) return answer.map(asGateway)
    if (answer === null || typeof answer !== 'object') return answer
    const snake = (name) => name.replace(/[A-Z]/g, (letter) => '_' + letter.toLowerCase())
    return Object.fromEntries(Object.entries(answer).map(([name, value]) => [snake(name), asGateway(value)]))
}
