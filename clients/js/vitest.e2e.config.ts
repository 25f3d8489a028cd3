import { defineConfig } from 'vitest/config'

export default defineConfig({
    test: {
        include: ['e2e/**/*.test.ts'],
        globalSetup: 'e2e/setup.ts',
        // They share a gateway, whose settings some of them change.
        fileParallelism: false,
        testTimeout: 60_000,
        hookTimeout: 60_000,
        expect: { poll: { timeout: 20_000 } },
    },
})
