/**
 * How the element looks, as a sheet that is adopted and not written into the page: a Content-Security-Policy without
 * `unsafe-inline` lets that pass. Custom properties and `::part()` are what a page changes it by.
 */
const CSS = `
:host{display:block;max-width:24rem;color-scheme:light dark;
--c:var(--otp-accent,light-dark(#0b57d0,#a8c7fa));--t:var(--otp-accent-text,light-dark(#fff,#0b1d3a));
--e:light-dark(#b3261e,#f2b8b5);--m:light-dark(#555b64,#b4bac4)}
:host([hidden]),[hidden]{display:none!important}
form{display:grid;gap:.75rem}
p{margin:0}p:empty{display:none}
label{display:block;font-weight:600}
input,button{font:inherit;min-height:2.75rem;border-radius:.5rem;box-sizing:border-box}
input{width:100%;padding:0 .75rem;border:1px solid var(--m);background:Field;color:FieldText}
#otp{font-size:1.375rem;letter-spacing:.2em}
button{padding:0 1rem;border:1px solid var(--c);background:var(--c);color:var(--t);cursor:pointer}
.plain{padding:0;border:0;background:0 0;color:var(--c);text-decoration:underline}
[aria-disabled=true]{cursor:default;border-color:var(--m);background:0 0;color:var(--m);text-decoration:none}
:focus-visible{outline:3px solid var(--c);outline-offset:2px}
.row{display:flex;flex-wrap:wrap;gap:0 1.5rem}
#note{color:var(--m);font-size:.875rem}
#error{color:var(--e)}
[aria-invalid=true]{border-color:var(--e)}`

let sheet: CSSStyleSheet | undefined

/** Made once, shared by all elements of the page. */
export function adopt(root: ShadowRoot): void {
    if (!sheet) {
        sheet = new CSSStyleSheet()
        sheet.replaceSync(CSS)
    }
    root.adoptedStyleSheets = [sheet]
}
