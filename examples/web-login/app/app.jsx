// The application: pages by role, behind an overlay for users who confirm a second factor after signing in.
import { deviceStore } from '@smsgw/client/account'
import { OtpOverlay, ProtectedRoute } from '@smsgw/client/react'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Account } from './account.jsx'
import { ask } from './ask.js'
import { client, factors, sendBy } from './gateway.js'
import { Reset } from './reset.jsx'

/** Who may see what; `/app` is nobody's, so that it leads everybody home. */
const PAGES = {
    '/app': { allow: [], title: '' },
    '/admin/dashboard': { allow: ['super_admin'], title: 'Administration' },
    '/dashboard': { allow: ['super_admin', 'admin'], title: 'Dashboard' },
    '/staff/home': { allow: ['staff'], title: 'Staff' },
    '/agent/home': { allow: ['agent'], title: 'Agents' },
    '/home': { allow: ['customer'], title: 'Your orders' },
    '/account': { Page: Account },
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
    const { allow, title, Page = Orders } = PAGES[location.pathname]
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
                    factors={factors}
                    device={deviceStore(me.name)}
                    requirement={({ deviceToken, signal }) =>
                        ask('/api/otp-requirement', { body: { device_token: deviceToken }, signal })
                    }
                    start={sendBy('/second-factor')}
                    onSignOut={signOut}
                >
                    {page}
                </OtpOverlay>
            )}
        >
            <Page title={title} name={me?.name} />
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
            <section className="card">
                <h2>Hello, {name}</h2>
                {problem && <p role="alert">{problem}</p>}
                <ul>
                    {orders.map((order) => (
                        <li key={order}>{order}</li>
                    ))}
                </ul>
                <p>
                    <a href="/account">Your account</a>
                </p>
                <button type="button" onClick={signOut}>
                    Sign out
                </button>
            </section>
        </>
    )
}

createRoot(document.querySelector('#root')).render(location.pathname === '/reset' ? <Reset /> : <App />)
