/** What the gateway gives as text, as addresses that a page can show or have saved. */

/** A picture that shows an SVG and runs nothing of it; a Content-Security-Policy lets it pass by `img-src data:`. */
export function pictureOf(svg: string): string {
    return 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(svg)
}

/** A text file of the codes, as what a link with `download` leads to. */
export function fileOf(codes: string[]): string {
    return 'data:text/plain;charset=utf-8,' + encodeURIComponent(codes.join('\n') + '\n')
}
