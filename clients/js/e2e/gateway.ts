/** A gateway of the tests' own: `smsgw dev` with a Postgres and keys in a folder that is gone afterwards. */

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSmsClient, type AdminSmsClient, type OtpPurpose } from '../src/index.js'
import { freePort, start } from './process.js'

export interface Running {
    url: string
    /** Opens every door. */
    key: string
    /** Of pages of `origin`. */
    publishableKey: string
    /** Who may do everything in its console. */
    operator: { name: string; password: string }
    stop(): Promise<void>
}

export async function startGateway(origin: string, jwtSecret: string): Promise<Running> {
    const binary = process.env.SMSGW_BIN
    if (!binary)
        throw new Error('say which gateway: SMSGW_BIN=target/debug/smsgw npm run test:browser (cargo build makes it)')
    const folder = mkdtempSync(join(tmpdir(), 'smsgw-browser-'))
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const env = { SMSGW_JWT_SECRET: jwtSecret, SMSGW_CORS_ORIGINS: origin }
    const ready = async () => (await fetch(url + '/readyz')).ok
    const args = ['dev', '--dir', join(folder, 'data'), '--listen', `127.0.0.1:${port}`]
    let stop = async () => {}
    const end = () => stop().finally(() => rmSync(folder, { recursive: true, force: true }))
    try {
        ;({ stop } = await start(binary, args, env, ready, { cwd: folder, seconds: 120 }))
        const read = (name: string) => readFileSync(join(folder, 'data', name), 'utf8').trim()
        const smsgw = (args: string[], input = '') =>
            execFileSync(binary, args, {
                env: { DATABASE_URL: read('database.url'), SMSGW_MASTER_KEY: read('master.key') },
                encoding: 'utf8',
                input,
            }).trim()
        const publishableKey = smsgw(['keys', 'create', 'pages', '--origins', origin])
        const operator = { name: 'ann', password: randomBytes(12).toString('hex') }
        smsgw(['operators', 'add', operator.name, '--role', 'super_admin', '--password-file', '-'], operator.password)
        const running = { url, key: read('dev.key'), publishableKey, operator, stop: end }
        await allowTests(createSmsClient({ baseUrl: url, token: running.key }))
        return running
    } catch (error) {
        await end()
        throw error
    }
}

/**
 * What tests need of the settings: no limits by address, since all come from this machine, a short cool-down for
 * sign-ins, and of `password_reset` the shortest life that there is and two tries.
 */
async function allowTests(admin: AdminSmsClient): Promise<void> {
    for (const name of ['ip-minute', 'ip-day', 'user-minute']) {
        const [kind] = name.split('-')
        await admin.settings.put(`/settings/otp/limits/${name}`, { kind, per_seconds: 60, most: 1000 })
    }
    const { purposes } = await admin.settings.get('/settings/otp')
    const change = async (name: string, change: Partial<OtpPurpose>) => {
        const { purpose, ...now } = purposes.find(({ purpose }) => purpose === name)!
        await admin.settings.put(`/settings/otp/purposes/${purpose}`, { ...now, ...change })
    }
    await change('login', { cool_down_seconds: 3 })
    await change('password_reset', { lifetime_seconds: 30, max_attempts: 2, cool_down_seconds: 3 })
    // They count in every process within two seconds.
    await new Promise((done) => setTimeout(done, 2500))
}

/** Texts as a phone shows them, the oldest first. */
export async function texts(url: string, key: string, phone: string): Promise<string[]> {
    const response = await fetch(url + '/sandbox/inbox?limit=200', { headers: { authorization: 'Bearer ' + key } })
    const { messages } = (await response.json()) as { messages: { to: string; text: string }[] }
    return messages
        .filter(({ to }) => to === phone)
        .map(({ text }) => text)
        .reverse()
}
