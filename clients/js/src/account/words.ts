import { FIELD_WORDS, WORDS } from '../words.js'

/** What refusals mean that a login alone does not meet. */
const ACCOUNT_WORDS = {
    'phone-taken': 'This number cannot be used. Try another one.',
    'old-phone-unverified': 'Confirm your current number first.',
    'reset-token-ended': 'That took too long. Ask for another code.',
    'verification-required': 'Confirm a code first: this can be changed only right after that.',
}

const ACCOUNT_FIELD_WORDS = {
    code: 'Type the code as it is shown.',
    method: 'Add a phone number first.',
}

/** Errors say these from now on. Pages that have nothing of an account do not load them. */
export function learnWords(): void {
    Object.assign(WORDS, ACCOUNT_WORDS)
    Object.assign(FIELD_WORDS, ACCOUNT_FIELD_WORDS)
}
