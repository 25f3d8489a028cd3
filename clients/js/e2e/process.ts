/** Programs that a test starts, and ends by their own process and no other. */

import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Somebody else could take it before it is used; on loopback, for a moment, nobody does. */
export async function freePort(): Promise<number> {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    await new Promise((done) => server.close(done))
    return port
}

export interface Program {
    child: ChildProcess
    stop(): Promise<void>
}

/** Starts a program and waits until `ready`; what it said is in the error if it never is. */
export async function start(
    command: string,
    args: string[],
    env: Record<string, string>,
    ready: () => Promise<boolean>,
    options: { cwd?: string; seconds?: number } = {},
): Promise<Program> {
    const { PATH = '', HOME = '' } = process.env
    const child = spawn(command, args, {
        cwd: options.cwd,
        env: { PATH, HOME, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => (said += chunk))
    child.stderr.on('data', (chunk) => (said += chunk))
    const ended = new Promise<void>((done) => child.once('close', () => done()))
    const over = () => child.exitCode !== null || child.signalCode !== null
    const stop = async () => {
        if (!over()) child.kill('SIGINT')
        const hard = setTimeout(() => child.kill('SIGKILL'), 15_000)
        await ended
        clearTimeout(hard)
    }
    const until = Date.now() + (options.seconds ?? 60) * 1000
    while (!(await ready().catch(() => false))) {
        if (over() || Date.now() > until) {
            await stop()
            throw new Error(`${command} ${args.join(' ')} did not become ready:\n${said}`)
        }
        await new Promise((done) => setTimeout(done, 100))
    }
    return { child, stop }
}
