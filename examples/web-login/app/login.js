// The sign-in page: the element does the phone's part by itself.
import '@smsgw/client/element'

document.querySelector('otp-verify').addEventListener('otp-verified', () => location.assign('/app'))

const form = document.querySelector('#login')
form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const problem = document.querySelector('#problem')
    problem.textContent = ''
    const { name, password } = Object.fromEntries(new FormData(form))
    // `/login` or `/sign-up`, as the button says.
    const response = await fetch(event.submitter.value, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, password }),
    })
    const answer = await response.json()
    if (response.ok) location.assign(answer.home)
    else problem.textContent = answer.title
})
