import { expect, test } from 'vitest'
import { codeIn } from '../src/code.js'
import { clock } from '../src/element/texts.js'

test.each([
    ['123456', '123456'],
    [' 123 456\n', '123456'],
    ['123-456', '123456'],
    ['Your code is 385203. It expires in 10 minutes.', '385203'],
    ['Your code is 38520371. It expires in 10 minutes.\n\n@app.example.com #38520371', '38520371'],
    ['١٢٣٤٥٦', '١٢٣٤٥٦'],
    ['no code', 'nocode'],
    ['12', '12'],
])('in %j the code is %j', (text, code) => expect(codeIn(text)).toBe(code))

test.each([
    [0, '0:00'],
    [9, '0:09'],
    [599, '9:59'],
    [600, '10:00'],
    [3661, '1:01:01'],
    [86_400, '23:59:59'],
])('%d seconds are shown as %s', (seconds, shown) => expect(clock(seconds)).toBe(shown))
