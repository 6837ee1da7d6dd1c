// The Node server of the stacks: `node server.js CERT_DIR DOMAIN` listens on a free port of
// loopback for each role and prints "listening ROLE PORT".  A role's certificate is
// CERT_DIR/ROLE.DOMAIN.pem.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http2 = require('http2');
const path = require('path');
const tls = require('tls');

const [certs, domain] = process.argv.slice(2);

function options(role) {
  const pem = fs.readFileSync(path.join(certs, `${role}.${domain}.pem`));
  const o = { key: pem, cert: pem, allowHalfOpen: true };
  if (role.endsWith('mtls')) {
    Object.assign(o, {
      ca: fs.readFileSync(path.join(certs, 'ca.pem')), requestCert: true, rejectUnauthorized: true,
    });
  }
  return o;
}

function listen(role, server) {
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1', () => console.log(`listening ${role} ${server.address().port}`));
}

// Gives everything back and, once the client has ended its direction, says how much it was.
function echo(socket) {
  let count = 0;
  socket.on('error', () => {});
  socket.on('data', (part) => {
    count += part.length;
    if (!socket.write(part)) {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  });
  socket.on('end', () => socket.end(`end of ${count}\n`));
}

// Ends its own direction at once, takes all the client sends, and tells our driver.
function closeFirst(socket) {
  const digest = crypto.createHash('sha256');
  socket.on('error', () => {});
  socket.on('data', (part) => digest.update(part));
  socket.on('end', () => console.log(`received ${digest.digest('hex')}`));
  socket.write('closing first\n', () => socket.end());
}

let store = Buffer.alloc(0);

function web(role) {
  return (request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      if (request.method === 'PUT') {
        store = Buffer.concat(parts);
        response.writeHead(204);
        response.end();
      } else if (request.url === '/who') {
        response.end(`${role}.${domain}\n`);
      } else {
        response.end(request.url === '/store' ? store : '');
      }
    });
  };
}

// Echoes masked frames of up to 125 bytes; a close is answered.
function webSocket(request, socket, head) {
  const proof = crypto.createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    + `Sec-WebSocket-Accept: ${proof}\r\n\r\n`);
  let have = head;
  const answer = () => {
    while (have.length >= 6 && have.length >= 6 + (have[1] & 0x7f)) {
      const length = have[1] & 0x7f;
      const mask = have.subarray(2, 6);
      const text = have.subarray(6, 6 + length).map((byte, i) => byte ^ mask[i % 4]);
      socket.write(Buffer.concat([Buffer.from([have[0], length]), text]));
      if ((have[0] & 0x0f) === 8) socket.end();
      have = have.subarray(6 + length);
    }
  };
  socket.on('data', (part) => {
    have = Buffer.concat([have, part]);
    answer();
  });
  answer();
}

function startWeb(role) {
  const server = http2.createSecureServer({ ...options(role), allowHTTP1: true }, web(role));
  server.on('upgrade', webSocket);
  server.on('sessionError', () => {});
  listen(role, server);
}

listen('echo', tls.createServer(options('echo'), echo));
listen('mtls', tls.createServer(options('mtls'), echo));
listen('first', tls.createServer(options('first'), closeFirst));
startWeb('web');
startWeb('webmtls');
