/** Once for all tests: the pages, a gateway that lets them in, and what tests have to know of both. */

import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { type Running, startGateway } from './gateway.js'
import { servePages } from './pages.js'

declare module 'vitest' {
    interface ProvidedContext {
        pages: string
        gateway: Omit<Running, 'stop'>
        jwtSecret: string
    }
}

export default async function setup(project: TestProject) {
    const pages = await servePages()
    const jwtSecret = randomBytes(32).toString('hex')
    const { stop, ...gateway } = await startGateway(pages.origin, jwtSecret).catch((error) => {
        pages.close()
        throw error
    })
    project.provide('pages', pages.origin)
    project.provide('gateway', gateway)
    project.provide('jwtSecret', jwtSecret)
    return async () => {
        await stop()
        pages.close()
    }
}
