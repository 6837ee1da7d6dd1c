//! Connections: a socket of our own below, so that the name is one thing and the address another.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{EchConfig, EchMode};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, EchConfigListBytes, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::{Failure, Job};

const LIMIT: Duration = Duration::from_secs(15);

pub fn wrong<E: std::fmt::Display>(why: E) -> Failure {
    Failure::Error(why.to_string())
}

/// What the job's words ask for: tls ca cert alpn ech.
pub fn config(job: &Job) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = match (job.get("ech"), job.get("tls").map(String::as_str)) {
        (Some(list), _) => builder.with_ech(ech(list)?),
        (None, Some("1.2")) => builder.with_protocol_versions(&[&rustls::version::TLS12]),
        (None, Some("1.3")) => builder.with_protocol_versions(&[&rustls::version::TLS13]),
        _ => builder.with_safe_default_protocol_versions(),
    }
    .map_err(wrong)?;
    let builder = match job.get("ca") {
        Some(file) => {
            let mut roots = RootCertStore::empty();
            let ca = CertificateDer::from_pem_file(file).map_err(wrong)?;
            roots.add(ca).map_err(wrong)?;
            builder.with_root_certificates(roots)
        }
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone)),
    };
    let mut config = match job.get("cert") {
        Some(file) => {
            let cert = CertificateDer::from_pem_file(file).map_err(wrong)?;
            let key = PrivateKeyDer::from_pem_file(file).map_err(wrong)?;
            builder
                .with_client_auth_cert(vec![cert], key)
                .map_err(wrong)?
        }
        None => builder.with_no_client_auth(),
    };
    if let Some(list) = job.get("alpn") {
        config.alpn_protocols = list.split(',').map(|name| name.into()).collect();
    }
    config.enable_early_data = true;
    Ok(Arc::new(config))
}

/// An ECHConfigList (RFC 9849) in hexadecimal.
fn ech(hex: &str) -> Result<EchMode, Failure> {
    let bytes: Result<Vec<u8>, _> = (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16))
        .collect();
    let list = EchConfigListBytes::from(bytes.map_err(wrong)?);
    let config = EchConfig::new(list, aws_lc_rs::hpke::ALL_SUPPORTED_SUITES).map_err(wrong)?;
    Ok(EchMode::Enable(config))
}

/// For recordings, which end with the first flight.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

pub struct Connection {
    pub tls: ClientConnection,
    pub socket: TcpStream,
}

impl Connection {
    /// Connected, but no byte of the handshake is sent yet.
    pub fn new(job: &Job, config: &Arc<ClientConfig>) -> Result<Self, Failure> {
        let name = job.get("name").cloned().unwrap_or("127.0.0.1".into());
        let name = ServerName::try_from(name).map_err(wrong)?;
        let tls = ClientConnection::new(config.clone(), name).map_err(wrong)?;
        let socket = TcpStream::connect(&job["addr"])?;
        socket.set_read_timeout(Some(LIMIT))?;
        socket.set_write_timeout(Some(LIMIT))?;
        Ok(Connection { tls, socket })
    }

    pub fn shake_hands(&mut self) -> Result<(), Failure> {
        while self.tls.is_handshaking() {
            self.tls.complete_io(&mut self.socket)?;
        }
        Ok(())
    }

    /// End our direction: a close_notify, then the FIN.
    pub fn finish(&mut self) -> io::Result<()> {
        self.tls.send_close_notify();
        self.flush()?;
        self.socket.shutdown(Shutdown::Write)
    }

    /// Take in what the socket has by now; it must not block.
    fn receive(&mut self) -> io::Result<()> {
        match self.tls.read_tls(&mut self.socket) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            other => other?,
        };
        match self.tls.process_new_packets() {
            Ok(_) => Ok(()),
            Err(why) => Err(io::Error::new(io::ErrorKind::InvalidData, why)),
        }
    }

    /// Send data and read meanwhile until the end, or as much as was sent has come back.
    pub fn exchange(&mut self, data: &[u8], finish: bool) -> io::Result<Vec<u8>> {
        let (mut back, mut sent, mut finished) = (Vec::new(), 0, false);
        let until = Instant::now() + LIMIT;
        self.tls.set_buffer_limit(Some(1 << 20));
        self.socket.set_nonblocking(true)?;
        while Instant::now() < until {
            sent += self.tls.writer().write(&data[sent..])?;
            match self.tls.write_tls(&mut self.socket) {
                Err(why) if why.kind() != io::ErrorKind::WouldBlock => return Err(why),
                _ => {}
            }
            if finish && !finished && sent == data.len() && !self.tls.wants_write() {
                self.finish()?;
                finished = true;
            }
            self.receive()?;
            let mut part = [0; 65536];
            match self.tls.reader().read(&mut part) {
                Ok(0) => break,
                Ok(n) => back.extend_from_slice(&part[..n]),
                Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => break, // no close_notify
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(why) => return Err(why),
            }
            if !finish && back.len() >= data.len() {
                break;
            }
        }
        self.socket.set_nonblocking(false)?;
        Ok(back)
    }
}

impl Read for Connection {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.tls, &mut self.socket).read(into)
    }
}

impl Write for Connection {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.tls, &mut self.socket).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}
