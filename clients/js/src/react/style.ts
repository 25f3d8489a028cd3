/**
 * How the parts look that are not the element: one sheet for the page, adopted like the element's, since a strict
 * Content-Security-Policy refuses styles that are written into the page. They follow its custom properties.
 */

import { useBeforePaint } from './before-paint.js'

const CSS = `
.smsgw{--c:var(--otp-accent,light-dark(#0b57d0,#a8c7fa));--t:var(--otp-accent-text,light-dark(#fff,#0b1d3a));
--e:light-dark(#b3261e,#f2b8b5);--m:light-dark(#555b64,#b4bac4);color-scheme:light dark;
color:light-dark(#16181c,#f2f4f8)}
dialog.smsgw{box-sizing:border-box;width:min(26rem,calc(100vw - 1.5rem));max-height:calc(100dvh - 1.5rem);
padding:1.25rem;border:1px solid light-dark(#c6cad1,#3c4149);border-radius:.75rem;background:light-dark(#fff,#1d2025)}
dialog.smsgw::backdrop{background:rgb(0 0 0/.6)}
.smsgw h2{margin:0 0 .75rem;font-size:1.25rem}
.smsgw p{margin:0 0 .75rem}
.smsgw form{display:grid;gap:.75rem;max-width:24rem;margin:0 0 .75rem}
.smsgw form p{margin:0}
.smsgw [role=alert]{color:var(--e)}
.smsgw label{font-weight:600}
.smsgw label.smsgw-box{display:flex;align-items:center;gap:.5rem;min-height:2.75rem;font-weight:400}
.smsgw-box input{width:1.25rem;height:1.25rem;min-height:0;margin:0;accent-color:var(--c)}
.smsgw form>input{font:inherit;box-sizing:border-box;width:100%;min-height:2.75rem;padding:0 .75rem;
border:1px solid var(--m);border-radius:.5rem;background:Field;color:FieldText}
.smsgw form>input[aria-invalid=true]{border-color:var(--e)}
.smsgw form>button{font:inherit;min-height:2.75rem;padding:0 1rem;border:1px solid var(--c);border-radius:.5rem;
background:var(--c);color:var(--t);cursor:pointer}
.smsgw form>button[aria-disabled=true]{cursor:default;border-color:var(--m);background:0 0;color:var(--m)}
.smsgw-plain{min-height:2.75rem;margin:0 1.5rem 0 0;padding:.5rem 0;border:0;background:0 0;color:inherit;font:inherit;
text-align:start;text-decoration:underline;cursor:pointer}
a.smsgw-plain{display:inline-block;box-sizing:border-box}
.smsgw :focus-visible{outline:3px solid var(--c);outline-offset:2px}
.smsgw img{display:block;box-sizing:border-box;width:min(14rem,100%);margin:0 0 .75rem;padding:.75rem;
border-radius:.5rem;background:#fff}
.smsgw code{overflow-wrap:anywhere;font-size:1.125rem;letter-spacing:.05em}
.smsgw ol.smsgw-codes{columns:8.5rem 2;margin:0 0 .75rem;padding:0;list-style-position:inside}
.smsgw-codes code{font-size:1rem;letter-spacing:0}
.smsgw ul{margin:0 0 .75rem;padding:0;list-style:none}
.smsgw li>small{display:block;color:var(--m);font-size:.875rem}`

let adopted = false

export function useStyle(): void {
    useBeforePaint(() => {
        if (adopted) return
        const sheet = new CSSStyleSheet()
        sheet.replaceSync(CSS)
        document.adoptedStyleSheets.push(sheet)
        adopted = true
    }, [])
}
