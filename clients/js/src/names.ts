/** Names of fields: `snake_case` on the wire, `camelCase` in programs. Only the outermost: values are the caller's. */

type Fields = Record<string, unknown>

/** As the gateway writes them. What is undefined is left out by JSON. */
export function toWire(fields: object): Fields {
    return renamed(fields, (name) => name.replace(/[A-Z]/g, (letter) => '_' + letter.toLowerCase()))
}

/** As programs write them. */
export function fromWire<T>(fields: object): T {
    return renamed(fields, (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())) as T
}

function renamed(fields: object, name: (name: string) => string): Fields {
    return Object.fromEntries(Object.entries(fields).map(([key, value]) => [name(key), value]))
}
