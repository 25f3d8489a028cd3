/** One step at a time, for the parts that are no flow of codes: whether it runs, and why it did not work. */

import { useEffect, useRef, useState } from 'react'

export interface Work {
    busy: boolean
    error: Error | undefined
    /** True once it is done; false if it failed, or if another one runs. */
    run(work: (signal: AbortSignal) => Promise<void>): Promise<boolean>
}

export function useWork(): Work {
    const [state, setState] = useState<Pick<Work, 'busy' | 'error'>>({ busy: false, error: undefined })
    const running = useRef<AbortController>(undefined)
    useEffect(
        () => () => {
            running.current?.abort()
            running.current = undefined
        },
        [],
    )
    const run: Work['run'] = async (work) => {
        if (running.current) return false
        const one = (running.current = new AbortController())
        setState({ busy: true, error: undefined })
        let error: Error | undefined
        try {
            await work(one.signal)
        } catch (cause) {
            error = cause as Error
        }
        // Given up: whoever would be told is gone.
        if (running.current !== one) return false
        running.current = undefined
        setState({ busy: false, error })
        return !error
    }
    return { ...state, run }
}
