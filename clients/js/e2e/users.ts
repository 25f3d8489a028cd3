/** Users of the gateway, and the pages of an application that has them. */

import { inject } from 'vitest'
import { createTwoFactor } from '../src/account.js'
import { createSmsClient } from '../src/index.js'
import { tokenOf } from './browser.js'

/** A page of React's, with what it must know. */
export function address(path: string, more: Record<string, string> = {}): string {
    const { url, publishableKey } = inject('gateway')
    return `${inject('pages')}${path}?${new URLSearchParams({ gateway: url, key: publishableKey, ...more })}`
}

/** What the application's server does. */
export function server() {
    const { url, key } = inject('gateway')
    const options = { baseUrl: url, token: key }
    return {
        sms: createSmsClient(options),
        factorsOf: (userId: string) => createTwoFactor({ ...options, userId }),
    }
}

let users = 0

/** A new user, and what their page needs. */
export async function user(settings: { phone?: string; otp_enabled: boolean }) {
    const name = `user-${process.pid}-${++users}`
    await server().sms.settings.put(`/users/${name}/contact-settings`, settings)
    return { user: name, token: tokenOf(name) }
}
