// What belongs to an account besides its orders: the second factor, the devices, the number.
import { ChangeNumber, RememberedDevices, TwoFactorSetup } from '@smsgw/client/react'
import { useEffect, useState } from 'react'
import { ask } from './ask.js'
import { client, factors, sendBy } from './gateway.js'

export function Account() {
    const [phone, setPhone] = useState('')
    const [changed, setChanged] = useState(0)
    useEffect(() => {
        ask('/account/phone').then(({ phone }) => setPhone(phone ?? ''))
    }, [changed])
    const change = () => setChanged((times) => times + 1)
    return (
        <>
            <h1>Your account</h1>
            <div className="card">
                <TwoFactorSetup factors={factors} onChange={change} />
            </div>
            <div className="card">
                <RememberedDevices key={changed} factors={factors} />
            </div>
            <div className="card">
                <ChangeNumber
                    client={client}
                    currentPhone={phone}
                    start={sendBy('/new-number')}
                    startCurrent={sendBy('/current-number')}
                    onChanged={change}
                />
                <p>Codes are sent to {phone || 'no number yet'}.</p>
            </div>
            <p>
                <a href="/app">Back</a>
            </p>
        </>
    )
}
