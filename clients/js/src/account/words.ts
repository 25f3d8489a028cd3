/** What a refusal by the doors of the second factor means to whoever looks at the page. */
export const WORDS: Record<string, string> = {
    'verification-required': 'Sign in again first: this can only be changed right after a code was confirmed.',
}
