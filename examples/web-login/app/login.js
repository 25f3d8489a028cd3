// The sign-in page: the element does the phone's part by itself.
import '@smsgw/client/element'

document.querySelector('otp-verify').addEventListener('otp-verified', () => location.assign('/app'))

const form = document.querySelector('#login')
form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const problem = document.querySelector('#problem')
    problem.textContent = ''
    const response = await fetch('/login', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: form.elements.name.value }),
    })
    const answer = await response.json()
    if (response.ok) location.assign(answer.home)
    else problem.textContent = answer.title
})
