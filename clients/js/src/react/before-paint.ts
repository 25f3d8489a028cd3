import { useEffect, useLayoutEffect } from 'react'

/**
 * An effect that runs with the change of the page, and is taken back before what it was about is removed. On a server
 * there is none to run, and nothing to warn about.
 */
export const useBeforePaint = globalThis.document ? useLayoutEffect : useEffect
