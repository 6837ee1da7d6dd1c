//! The features: each does its job and says what became of it.

use std::io::{Read, Write};

use rustls::{HandshakeKind, ProtocolVersion};

use crate::dial::{config, wrong, Connection};
use crate::{Failure, Job};

const BULK: usize = 10 << 20;
const PING: &[u8] = b"ping\n";
/// The example key of RFC 6455 1.3, and what a server makes of it.
const WS_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const WS_PROOF: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub fn run(feature: &str, job: &Job) -> Result<String, Failure> {
    match feature {
        "hello" => hello(job),
        "ping" => ping_once(job),
        "resume" => resume(job),
        "early" => early(job),
        "bulk" => bulk(job),
        "fin-client" => client_first(job),
        "fin-server" => server_first(job),
        "ws" => web_socket(job),
        _ => Err(wrong("no such feature")),
    }
}

fn open(job: &Job) -> Result<Connection, Failure> {
    let mut connection = Connection::new(job, &config(job)?)?;
    connection.shake_hands()?;
    Ok(connection)
}

fn ping(connection: &mut Connection, data: &[u8]) -> Result<(), Failure> {
    connection.write_all(data)?;
    expect(connection, data)
}

fn expect(connection: &mut Connection, data: &[u8]) -> Result<(), Failure> {
    let mut back = vec![0; data.len()];
    connection.read_exact(&mut back)?;
    if back == data {
        Ok(())
    } else {
        Err(wrong("the echo is not what was sent"))
    }
}

fn version(connection: &Connection) -> String {
    match connection.tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".into(),
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".into(),
        other => format!("{other:?}"),
    }
}

fn hello(job: &Job) -> Result<String, Failure> {
    Ok(version(&open(job)?))
}

fn ping_once(job: &Job) -> Result<String, Failure> {
    let mut connection = open(job)?;
    ping(&mut connection, PING)?;
    Ok(version(&connection))
}

fn resume(job: &Job) -> Result<String, Failure> {
    let config = config(job)?;
    let mut said = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::new(job, &config)?;
        connection.shake_hands()?;
        ping(&mut connection, PING)?; // along with the answer comes the ticket of TLS 1.3
        said.push(match connection.tls.handshake_kind() {
            Some(HandshakeKind::Resumed) => "resumed",
            _ => "full",
        });
        connection.finish()?;
    }
    Ok(said.join(" then "))
}

/// A first connection for the ticket; then data before the handshake.
fn early(job: &Job) -> Result<String, Failure> {
    let config = config(job)?;
    let request = job["request"]
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\s", " ");
    let mut connection = Connection::new(job, &config)?;
    connection.shake_hands()?;
    connection.write_all(request.as_bytes())?;
    connection.read_exact(&mut [0; 5])?;
    let _ = connection.finish(); // the server may have done so before

    let mut connection = Connection::new(job, &config)?;
    match connection.tls.early_data() {
        Some(mut data) => data.write_all(request.as_bytes())?,
        None => return Err(Failure::Refused("no early data allowed".into())),
    }
    connection.shake_hands()?;
    if !connection.tls.is_early_data_accepted() {
        return Err(Failure::Refused("early data rejected".into()));
    }
    if job.contains_key("answered") {
        connection.read_exact(&mut [0; 5])?;
    }
    Ok("accepted".into())
}

/// Text in lines: some echo servers know no other data.
fn lines(length: usize) -> Vec<u8> {
    let mut state: u32 = 2463534242;
    (0..length)
        .map(|i| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if i % 1000 == 999 || i + 1 == length {
                b'\n'
            } else {
                b'a' + (state & 15) as u8
            }
        })
        .collect()
}

fn bulk(job: &Job) -> Result<String, Failure> {
    let data = lines(BULK);
    let mut connection = open(job)?;
    let back = connection.exchange(&data, false)?;
    if back != data {
        return Err(Failure::Refused(format!("{} bytes came back", back.len())));
    }
    Ok("both ways".into())
}

/// Half-closes first: all that was sent must still come back, and a last line.
fn client_first(job: &Job) -> Result<String, Failure> {
    let mut data = lines(1 << 20);
    let mut connection = open(job)?;
    let back = connection.exchange(&data, true)?;
    data.extend_from_slice(format!("end of {}\n", data.len()).as_bytes());
    if back != data {
        return Err(Failure::Refused(format!("{} bytes came back", back.len())));
    }
    Ok("answered".into())
}

/// Reads the server's farewell and end, and sends on; the server tells our driver what came.
fn server_first(job: &Job) -> Result<String, Failure> {
    let mut connection = open(job)?;
    let mut farewell = String::new();
    match connection.read_to_string(&mut farewell) {
        // An end without close_notify is enough here.
        Err(why) if why.kind() != std::io::ErrorKind::UnexpectedEof => return Err(why.into()),
        _ => {}
    }
    if farewell != "closing first\n" {
        return Err(Failure::Refused(format!("the farewell was {farewell}")));
    }
    let data = job["token"].repeat(100000);
    connection.write_all(data.as_bytes())?;
    connection.flush()?;
    connection.finish()?;
    let digest = aws_lc_rs_digest(data.as_bytes());
    Ok(format!("sent {digest}"))
}

/// Asks for /ws, and reads the answer's head without a byte of what follows.
fn upgrade(connection: &mut Connection, host: &str) -> Result<(), Failure> {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {WS_KEY}\r\n\r\n"
    );
    connection.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    if !head.starts_with("HTTP/1.1 101 ") || !head.contains(WS_PROOF) {
        return Err(Failure::Refused(format!("no upgrade: {head}")));
    }
    Ok(())
}

fn web_socket(job: &Job) -> Result<String, Failure> {
    let mut job = job.clone();
    job.insert("alpn".into(), "http/1.1".into());
    let mut connection = open(&job)?;
    upgrade(&mut connection, &job["name"])?;
    let text = "hello ".repeat(20);
    let length = text.len() as u8;
    let mask = [1, 2, 3, 4];
    let masked = text.bytes().zip(mask.iter().cycle()).map(|(b, m)| b ^ m);
    let frame = [0x81, 0x80 | length].into_iter().chain(mask).chain(masked);
    connection.write_all(&frame.collect::<Vec<u8>>())?;
    let mut back = vec![0; 2 + text.len()];
    connection.read_exact(&mut back)?;
    if back[..2] != [0x81, length] || &back[2..] != text.as_bytes() {
        return Err(wrong("the echo is not what was sent"));
    }
    Ok("echoed".into())
}

fn aws_lc_rs_digest(data: &[u8]) -> String {
    use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let suite = TLS13_AES_128_GCM_SHA256
        .tls13()
        .expect("a suite of TLS 1.3");
    let digest = suite.common.hash_provider.hash(data);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
