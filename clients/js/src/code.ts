/** Codes as they come along. */

/**
 * The code in a pasted or autofilled text, which may be the whole message: the first four to ten digits, of any
 * script, spaces and dashes between them left out. Without any, what was pasted: the gateway says what is wrong with
 * it.
 */
export function codeIn(text: string): string {
    return (/\p{Nd}(?:[ \u00a0-]?\p{Nd}){3,9}(?!\p{Nd})/u.exec(text)?.[0] ?? text).replace(/[\s-]/g, '')
}

/** The code of a text that the browser hears on this device, where it can and the user lets it (WebOTP). */
export async function codeHeard(signal: AbortSignal): Promise<string | undefined> {
    if (!('OTPCredential' in globalThis)) return
    try {
        const request = { otp: { transport: ['sms'] }, signal } as CredentialRequestOptions
        return ((await navigator.credentials.get(request)) as { code?: string } | null)?.code
    } catch {
        // Not on this device, not allowed to this frame, or given up: it is typed then.
        return
    }
}
