// Who may sign in. Yours are in a database; that they confirm a code is a setting of theirs in the gateway.

/** Where each role is at home. */
export const HOMES = {
    super_admin: '/admin/dashboard',
    admin: '/dashboard',
    staff: '/staff/home',
    agent: '/agent/home',
    customer: '/home',
}

const USERS = {
    ann: { role: 'admin', settings: { phone: '+41790000101', otp_enabled: true } },
    bob: { role: 'staff', settings: { otp_enabled: false } },
    eve: { role: 'agent', settings: { otp_enabled: true } },
}

export function findUser(name) {
    return Object.hasOwn(USERS, name) ? { id: name, role: USERS[name].role } : undefined
}

/** Whose codes are wanted after the sign-in, and where they go. */
export async function rememberUsers(sms) {
    for (const [id, { settings }] of Object.entries(USERS)) {
        await sms.settings.put(`/users/${id}/contact-settings`, settings)
    }
}
