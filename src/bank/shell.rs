//! A request as a command for a shell: curl sends it, openssl signs it anew, and the secret is taken from
//! `$SECRET`, so that what is copied opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::settlement::Dialect;

/// Returns the command that sends a body to a source's address, signed as the dialect signs. A dialect
/// whose signature a shell cannot make says so in a comment.
#[must_use]
pub fn command(dialect: Dialect, address: &str, sub_path: &str, body: &[u8]) -> String {
    let (prepared, headers) = signing(dialect, address);
    let mut lines = vec![kept(body)];
    lines.extend(prepared.iter().cloned());
    lines.push(format!("curl -sS -X POST {} \\", quoted(&format!("{address}{sub_path}"))));
    lines.push("  -H 'Content-Type: application/json' \\".to_owned());
    lines.extend(headers.iter().map(|header| format!("  -H \"{header}\" \\")));
    lines.push("  --data-binary @body.bin".to_owned());
    lines.join("\n")
}

/// Writes the body's very bytes to a file: a variable of a shell drops line ends and zero bytes.
fn kept(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if !text.contains(['\0', '\r']) => format!("printf %s {} > body.bin", quoted(text)),
        _ => format!("printf %s {} | base64 -d > body.bin", STANDARD.encode(body)),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Returns what is computed before, and the headers that show who sends.
fn signing(dialect: Dialect, address: &str) -> (Vec<String>, Vec<String>) {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    match dialect {
        Dialect::SepayApikey => (Vec::new(), lines(&["Authorization: Apikey $SECRET"])),
        Dialect::SepayHmac => (
            lines(&[
                "TIME=$(date +%s)",
                r#"SIGNATURE=$( (printf %s. "$TIME"; cat body.bin) | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)"#,
            ]),
            lines(&["X-SePay-Timestamp: $TIME", "X-SePay-Signature: sha256=$SIGNATURE"]),
        ),
        Dialect::CassoV1 => (Vec::new(), lines(&["Secure-Token: $SECRET"])),
        Dialect::CassoV2 => (
            lines(&[
                "# Casso signs the keys in their order: this is right where the body has them so, without blanks.",
                "TIME=$(date +%s)000",
                r#"SIGNATURE=$( (printf %s. "$TIME"; cat body.bin) | openssl dgst -sha512 -hmac "$SECRET" -r | cut -d' ' -f1)"#,
            ]),
            lines(&["X-Casso-Signature: t=$TIME,v1=$SIGNATURE"]),
        ),
        Dialect::Payos => (lines(&["# payOS signs inside the body: it is sent as it was."]), Vec::new()),
        Dialect::VietqrVn => (
            vec![format!(
                "TOKEN=$(curl -sS -X POST -u \"$SECRET\" {} | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
                quoted(&format!("{address}/api/token_generate"))
            )],
            lines(&["Authorization: Bearer $TOKEN"]),
        ),
        Dialect::Pay2s => (Vec::new(), lines(&["Authorization: Bearer $SECRET"])),
        Dialect::StandardWebhooks => (
            lines(&[
                "ID=msg_$(date +%s%N) TIME=$(date +%s)",
                r#"KEY=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')"#,
                r#"SIGNATURE=$( (printf %s.%s. "$ID" "$TIME"; cat body.bin) | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)"#,
            ]),
            lines(&["webhook-id: $ID", "webhook-timestamp: $TIME", "webhook-signature: v1,$SIGNATURE"]),
        ),
        Dialect::GenericHmac => (
            lines(&[r#"SIGNATURE=$(openssl dgst -sha256 -hmac "$SECRET" -r body.bin | cut -d' ' -f1)"#]),
            lines(&["X-Signature: sha256=$SIGNATURE"]),
        ),
    }
}
