//! The examples of RFC 7515, appendix A, whose keys are printed there.

use serde_json::Value;

use super::*;

const CLAIMS: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const HS256: (&str, &str) =
    ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
const RS256: (&str, &str) = (
    "eyJhbGciOiJSUzI1NiJ9",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t\
     1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j\
     zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ\
     Ge77Rw",
);
const ES256: (&str, &str) = (
    "eyJhbGciOiJFUzI1NiJ9",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
);
const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql\
                       L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs\
                       LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud\
                       F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

fn bytes(encoded: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(encoded).expect("base64url")
}

fn keys() -> [Key; 3] {
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let x = bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    let y = bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    [Key::secret(&bytes(secret)), Key::rsa(bytes(MODULUS), bytes("AQAB")), Key::p256(&x, &y)]
}

fn token((header, signature): (&str, &str)) -> String {
    format!("{header}.{CLAIMS}.{signature}")
}

#[test]
fn the_examples_of_the_standard_are_signed_with_their_keys_and_no_others() {
    for (place, example) in [HS256, RS256, ES256].into_iter().enumerate() {
        let text = token(example);
        let token = Token::parse(&text).expect("a token");
        let signed: Vec<bool> = keys().iter().map(|key| token.is_signed_with(key)).collect();
        let expected: Vec<bool> = (0..3).map(|key| key == place).collect();
        assert_eq!(signed, expected, "{text}");
        let claims: Value = token.claims().expect("claims");
        assert_eq!((&claims["iss"], &claims["exp"]), (&"joe".into(), &1_300_819_380.into()));
    }
}

#[test]
fn one_other_character_anywhere_is_no_signature() {
    for (key, example) in keys().iter().zip([HS256, RS256, ES256]) {
        let text = token(example);
        for place in (0..text.len()).step_by(7).filter(|place| text.as_bytes()[*place] != b'.') {
            let other = if text.as_bytes()[place] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..place], &text[place + 1..]);
            assert!(!Token::parse(&changed).is_some_and(|token| token.is_signed_with(key)), "{place}");
        }
    }
}

/// RFC 8725 §2.1: whoever let the token choose would check an HMAC whose key is public.
#[test]
fn a_public_key_is_never_a_secret() {
    let signed = format!("{}.{CLAIMS}", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#));
    for secret in [MODULUS.as_bytes(), &bytes(MODULUS)] {
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        let text = format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac));
        let token = Token::parse(&text).expect("a token");
        assert!(keys().iter().all(|key| !token.is_signed_with(key)));
    }
}

#[test]
fn what_is_no_token_of_ours_is_not_read() {
    let header = |json: &str| format!("{}.{CLAIMS}.", BASE64_URL_SAFE_NO_PAD.encode(json));
    for text in [
        header(r#"{"alg":"none"}"#),
        header(r#"{"alg":"None"}"#),
        header(r#"{"alg":"HS512"}"#),
        header(r#"{"alg":null}"#),
        header(r#"{"typ":"JWT"}"#),
        header(r#"{"alg":"HS256","alg":"none"}"#),
        header(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#),
        header(r#"["HS256"]"#),
        String::new(),
        "..".to_owned(),
        format!("{}.{CLAIMS}", HS256.0),
        format!("{}.{CLAIMS}.{}=", HS256.0, HS256.1),
        format!("{}.{CLAIMS}.+/+/", HS256.0),
    ] {
        assert!(Token::parse(&text).is_none(), "{text}");
    }
    let longer = format!("{}.{CLAIMS}.{CLAIMS}.{}", HS256.0, HS256.1);
    assert!(Token::parse(&longer).is_none_or(|token| !token.is_signed_with(&keys()[0])));
}
