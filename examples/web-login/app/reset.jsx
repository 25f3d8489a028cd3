// A new password for whoever holds the phone: this server redeems what the right code brings.
import { PasswordReset } from '@smsgw/client/react'
import { ask } from './ask.js'
import { client, sendBy } from './gateway.js'

export function Reset() {
    return (
        <>
            <h1>Forgot the password?</h1>
            <div className="card">
                <PasswordReset
                    client={client}
                    start={sendBy('/password-reset')}
                    onReset={({ resetToken, password }, { signal }) =>
                        ask('/password-reset', { body: { reset_token: resetToken, password }, signal })
                    }
                />
            </div>
            <p>
                <a href="/">Sign in</a>
            </p>
        </>
    )
}
