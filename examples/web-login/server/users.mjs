// Who may sign in. Yours are in a database; that they confirm a code is a setting of theirs in the gateway.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { refusal } from './rules.mjs'

/** Where each role is at home. */
export const HOMES = {
    super_admin: '/admin/dashboard',
    admin: '/dashboard',
    staff: '/staff/home',
    agent: '/agent/home',
    customer: '/home',
}

/** Their passwords are their names, until they choose others. */
const FIRST = {
    ann: { role: 'admin', settings: { phone: '+41790000101', otp_enabled: true } },
    bob: { role: 'staff', settings: { otp_enabled: false } },
    eve: { role: 'agent', settings: { otp_enabled: true } },
}

const users = new Map()

export function findUser(id) {
    const user = users.get(id)
    return user && { id, role: user.role }
}

export async function checkPassword(name, password) {
    const id = name.toLowerCase()
    const { salt, hash } = users.get(id) ?? NOBODY
    // As much work for a name that nobody has.
    const isRight = timingSafeEqual(await derive(password, salt), hash)
    return isRight ? findUser(id) : undefined
}

export async function setPassword(id, password) {
    const salt = randomBytes(16)
    Object.assign(users.get(id), { salt, hash: await derive(password, salt) })
}

/** They will confirm codes, at first one to the number that is theirs. */
export async function signUp(gateway, name, password) {
    const id = name.toLowerCase()
    if (!/^[a-z][a-z0-9]{0,31}$/.test(id)) throw refusal(400, 'A name has letters and digits.')
    if (password.length < 8) throw refusal(400, 'Use at least 8 characters.')
    if (users.has(id)) throw refusal(409, 'Somebody is called that already.')
    users.set(id, { ...NOBODY, role: 'customer' })
    await setPassword(id, password)
    await gateway.sms.settings.put(`/users/${id}/contact-settings`, { otp_enabled: true })
    return findUser(id)
}

/** Whose codes are wanted after the sign-in, and where they go, unless they have said otherwise before. */
export async function rememberUsers({ sms }) {
    for (const [id, { role, settings }] of Object.entries(FIRST)) {
        users.set(id, { role })
        await setPassword(id, id)
        const path = `/users/${id}/contact-settings`
        const now = await sms.settings.get(path)
        if (!now.phone) await sms.settings.put(path, settings)
    }
}

const derive = (password, salt) => promisify(scrypt)(password.normalize('NFKC'), salt, 32)
const NOBODY = { salt: randomBytes(16), hash: randomBytes(32) }
