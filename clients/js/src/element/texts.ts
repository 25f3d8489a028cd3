/** Every text that the element shows, to be replaced in whole or in part: `element.texts = {...}`. */

export interface Texts {
    phone: string
    send: string
    code: string
    check: string
    resend: string
    again: string
    change: string
    busy: string
    verified: string
    failed: string
    willSend(phone: string): string
    sent(phone: string): string
    wait(time: string): string
    expires(time: string): string
    left(attempts: number): string
}

export const ENGLISH: Texts = {
    phone: 'Phone number',
    send: 'Send code',
    code: 'Code',
    check: 'Confirm',
    resend: 'Send another code',
    again: 'Send a new code',
    change: 'Change number',
    busy: 'One moment …',
    verified: 'Your number is confirmed.',
    failed: 'The code could not be sent.',
    willSend: (phone) => `We text a code to ${phone}.`,
    sent: (phone) => `We sent a code to ${phone}.`,
    wait: (time) => `Wait ${time}.`,
    expires: (time) => `The code is good for ${time}.`,
    left: (attempts) => (attempts === 1 ? 'One try left.' : `${attempts} tries left.`),
}

/** `0:09`, `12:00`, `1:00:00`; of more than a day, its last second. */
export function clock(seconds: number): string {
    const time = new Date(Math.min(seconds, 86_399) * 1000).toISOString()
    return time.slice(11, 19).replace(/^(00:)?0?/, '')
}
