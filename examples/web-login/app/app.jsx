// The application: pages by role, behind an overlay for users who confirm a code after signing in.
import { createSmsClient } from '@smsgw/client'
import { OtpOverlay, ProtectedRoute } from '@smsgw/client/react'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'

/** This server stands in for the gateway: it holds the key, and knows whose code is whose by the cookie. */
const client = createSmsClient({ baseUrl: '' })
const secondFactor = createSmsClient({ baseUrl: '/second-factor' })

/** Who may see what; `/app` is nobody's, so that it leads everybody home. */
const PAGES = {
    '/app': { allow: [], title: '' },
    '/admin/dashboard': { allow: ['super_admin'], title: 'Administration' },
    '/dashboard': { allow: ['super_admin', 'admin'], title: 'Dashboard' },
    '/staff/home': { allow: ['staff'], title: 'Staff' },
    '/agent/home': { allow: ['agent'], title: 'Agents' },
    '/home': { allow: ['customer'], title: 'Your orders' },
}

async function ask(path, { body, signal } = {}) {
    const response = await fetch(path, {
        signal,
        ...(body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const answer = await response.json()
    if (!response.ok) throw Object.assign(new Error(answer.title), answer)
    return answer
}

async function signOut() {
    await ask('/logout', { body: {} })
    location.assign('/')
}

function App() {
    const [me, setMe] = useState()
    useEffect(() => {
        ask('/api/me').then(setMe, () => setMe(null))
    }, [])
    const { allow, title } = PAGES[location.pathname]
    return (
        <ProtectedRoute
            role={me && me.role}
            allow={allow}
            paths={me?.homes ?? {}}
            signIn="/"
            fallback={<p role="status">One moment …</p>}
            gate={(page) => (
                <OtpOverlay
                    client={client}
                    requirement={({ signal }) => ask('/api/otp-requirement', { signal })}
                    start={({ phone = '', signal }) => secondFactor.sendOtp({ phone }, { signal })}
                    onSignOut={signOut}
                >
                    {page}
                </OtpOverlay>
            )}
        >
            <Orders title={title} name={me?.name} />
        </ProtectedRoute>
    )
}

function Orders({ title, name }) {
    const [orders, setOrders] = useState([])
    const [problem, setProblem] = useState('')
    useEffect(() => {
        ask('/api/orders').then(
            ({ orders }) => setOrders(orders),
            (error) => setProblem(error.message),
        )
    }, [])
    return (
        <>
            <h1>{title}</h1>
            <section>
                <h2>Hello, {name}</h2>
                {problem && <p role="alert">{problem}</p>}
                <ul>
                    {orders.map((order) => (
                        <li key={order}>{order}</li>
                    ))}
                </ul>
                <button type="button" onClick={signOut}>
                    Sign out
                </button>
            </section>
        </>
    )
}

createRoot(document.querySelector('#root')).render(<App />)
