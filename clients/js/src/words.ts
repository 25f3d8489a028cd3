/**
 * What a refusal means to whoever looks at the page, by its code. Codes that only a developer can do something about
 * are not here: for those the gateway's own `detail` names the cure.
 */
export const WORDS: Record<string, string> = {
    'otp-wrong': 'That code is not right.',
    'otp-expired': 'This code has expired. Ask for a new one.',
    'otp-used': 'This code was already used. Ask for a new one.',
    'otp-locked': 'Too many wrong codes.',
    'otp-cool-down': 'Too early for another code.',
    'otp-send-limit': 'No more codes can be sent for now.',
    'rate-limited': 'Too many codes for now. Try again later.',
    'country-blocked': 'Numbers of this country are not accepted.',
    overloaded: 'The service is busy. Try again in a moment.',
    unavailable: 'The service does not answer. Try again in a moment.',
    network: 'No answer. Check the connection and try again.',
}

/** What is wrong with a field that a person typed. */
export const FIELD_WORDS: Record<string, string> = {
    phone: 'Check the number. Begin with + and the country code.',
    otp: 'Type the code as it stands in the text message.',
}
