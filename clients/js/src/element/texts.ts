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
    challenge: string
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
    challenge: 'Many wrong codes are being tried at the moment; new ones are longer.',
}

/** `0:09`, `12:00`, `1:00:00`. */
export function clock(seconds: number): string {
    const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, '0'))
    const hours = Math.floor(seconds / 3600)
    return hours ? [hours, ...parts].join(':') : parts.join(':').replace(/^0/, '')
}
