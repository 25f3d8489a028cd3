// One command: builds what the pages load, checks that the gateway is there, and serves.
import { existsSync, readFileSync } from 'node:fs'
import { createSmsClient, createTwoFactor, redeemResetToken } from './server/build.mjs'
import { serve } from './server/http.mjs'
import { rememberUsers } from './server/users.mjs'

const { PORT = '3000', SMSGW_URL = 'http://127.0.0.1:8080' } = process.env

/** The key of `smsgw dev`, in this repository's folder, unless another is given. */
function key() {
    const file = process.env.SMSGW_KEY_FILE ?? new URL('../../.smsgw/dev.key', import.meta.url)
    if (process.env.SMSGW_KEY) return process.env.SMSGW_KEY
    if (existsSync(file)) return readFileSync(file, 'utf8').trim()
    throw new Error(`there is no key in ${file}: start the gateway first (cargo run), or set SMSGW_KEY and SMSGW_URL`)
}

try {
    const options = { baseUrl: SMSGW_URL, token: key() }
    const gateway = {
        sms: createSmsClient(options),
        factorsOf: (userId) => createTwoFactor({ ...options, userId }),
        redeemResetToken: (token) => redeemResetToken(options, token),
    }
    await rememberUsers(gateway)
    const address = await serve(gateway, Number(PORT))
    console.log(`web-login is on ${address}, with the gateway ${SMSGW_URL}`)
} catch (error) {
    console.error(`web-login cannot start: ${error.detail ?? error.message}`)
    process.exitCode = 1
}
