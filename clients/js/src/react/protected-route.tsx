/**
 * A part of the application for some roles. Others are led to where they belong, whatever router there is.
 *
 * It shows the right page to honest users. What it must not show to others, the server must not give them.
 */

import { type ReactNode, useEffect } from 'react'

export interface ProtectedRouteProps<Role extends string = string> {
    /** Of who is signed in; null if nobody is, undefined as long as that is not known. */
    role: Role | null | undefined
    /** Who may see this; absent: whoever is signed in. */
    allow?: readonly Role[] | undefined
    /** Where each role is at home: others who come here are led there. */
    paths: Partial<Record<Role, string>>
    /** Where to sign in; also where a role without a home goes. */
    signIn: string
    /** Of your router; without one the browser goes there. */
    navigate?: ((path: string) => void) | undefined
    /** What is to be confirmed before anything is seen: an `<OtpOverlay>` without children, for example. */
    gate?: ((children: ReactNode) => ReactNode) | undefined
    /** Shown meanwhile. */
    fallback?: ReactNode
    children: ReactNode
}

export function ProtectedRoute<Role extends string>({
    role,
    allow,
    paths,
    signIn,
    navigate = goTo,
    gate = (children) => children,
    fallback = null,
    children,
}: ProtectedRouteProps<Role>) {
    const may = !!role && (!allow || allow.includes(role))
    const elsewhere = role === undefined || may ? undefined : (role && paths[role]) || signIn
    useEffect(() => {
        if (elsewhere !== undefined) navigate(elsewhere)
        // A new function is no new reason to go.
    }, [elsewhere])
    return may ? gate(children) : fallback
}

function goTo(path: string): void {
    location.assign(path)
}
