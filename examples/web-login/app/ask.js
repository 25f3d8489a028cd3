/** This server's own doors, with its words as the error if it refuses. */
export async function ask(path, { body, signal } = {}) {
    const response = await fetch(path, {
        signal,
        ...(body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const answer = await response.json()
    if (!response.ok) throw Object.assign(new Error(answer.title), answer)
    return answer
}
