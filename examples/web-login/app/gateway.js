// This server stands in for the gateway: it holds the key, and knows whose code is whose by the cookie.
import { createSmsClient } from '@smsgw/client'
import { createTwoFactor } from '@smsgw/client/account'

export const client = createSmsClient({ baseUrl: '' })
export const factors = createTwoFactor({ baseUrl: '/account' })

/** Has a code sent by a door of its own; it is checked by the same one as all others. */
export function sendBy(door) {
    const client = createSmsClient({ baseUrl: door })
    return ({ phone = '', signal }) => client.sendOtp({ phone }, { signal })
}
