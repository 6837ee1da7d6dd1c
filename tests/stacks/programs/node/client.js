// The Node client of the stacks: one job per line, "FEATURE key=value ...", on the command line or
// on stdin; each is answered with one line, "ok ...", "refused ..." or "error ...".
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http2 = require('http2');
const net = require('net');
const readline = require('readline');
const tls = require('tls');

const JOB_LIMIT_MS = 15000;
const BULK = 10 << 20;
const REFUSALS = ['ECONNRESET', 'EPIPE', 'ERR_SSL_', 'EPROTO', 'hung up', 'ended early', 'alert'];

function parseJob(words) {
  const job = { feature: words[0], sockets: [] };
  for (const word of words.slice(1)) {
    const at = word.indexOf('=');
    job[word.slice(0, at)] = word.slice(at + 1);
  }
  return job;
}

function options(job) {
  const o = { servername: job.name || '', allowHalfOpen: true };
  const [host, port] = job.addr.split(':');
  Object.assign(o, { host, port: Number(port) });
  if (job.tls) o.minVersion = o.maxVersion = `TLSv${job.tls}`;
  if (job.ca) o.ca = fs.readFileSync(job.ca);
  if (job.cert) o.cert = o.key = fs.readFileSync(job.cert);
  if (job.alpn) o.ALPNProtocols = job.alpn.split(',');
  if (!job.name) o.rejectUnauthorized = false;
  return o;
}

// Connects over a socket of our own, so that the name is one thing and the address another.
function connect(job, more = {}) {
  return new Promise((resolve, reject) => {
    const o = { ...options(job), ...more };
    o.socket = net.connect({ host: o.host, port: o.port, allowHalfOpen: true });
    const socket = tls.connect(o);
    job.sockets.push(socket, o.socket);
    o.socket.once('error', reject);
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(socket));
  });
}

// Reads until `length` bytes, or the end, have come.
function read(socket, length) {
  return new Promise((resolve, reject) => {
    const parts = [];
    let have = 0;
    const done = () => {
      socket.off('data', onData);
      socket.pause();
      resolve(Buffer.concat(parts));
    };
    const onData = (part) => {
      parts.push(part);
      have += part.length;
      if (have >= length) done();
    };
    socket.once('error', reject);
    socket.once('end', done);
    socket.once('close', done);
    socket.on('data', onData);
    socket.resume();
  });
}

function same(got, want) {
  const digest = (b) => crypto.createHash('sha256').update(b).digest('hex');
  if (digest(got) === digest(want)) return;
  if (got.length < want.length) throw new Error(`ended early: ${got.length} of ${want.length}`);
  throw new Error(`${got.length} bytes came back, and not those sent`);
}

async function ping(socket) {
  const line = Buffer.from('ping\n');
  socket.write(line);
  same(await read(socket, line.length), line);
}

// Text in lines: some echo servers know no other data.
function randomLines(length) {
  const data = Buffer.from(crypto.randomBytes(length / 2).toString('hex'));
  for (let i = 63; i < length; i += 64) data[i] = 0x0a;
  return data;
}

const features = {
  async hello(job) {
    const socket = await connect(job);
    return socket.getProtocol();
  },

  async ping(job) {
    const socket = await connect(job);
    await ping(socket);
    return socket.getProtocol();
  },

  async resume(job) {
    const said = [];
    let session;
    for (let i = 0; i < 2; i++) {
      const socket = await connect(job, { session });
      // TLS 1.3's ticket comes behind the handshake; 1.2's with it.
      const ticket = new Promise((got) => socket.once('session', got));
      await ping(socket);
      said.push(socket.isSessionReused() ? 'resumed' : 'full');
      if (i === 0) session = job.tls === '1.2' ? socket.getSession() : await ticket;
      socket.end();
    }
    return said.join(' then ');
  },

  async reneg(job) {
    const socket = await connect(job);
    await new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('hung up')));
      socket.renegotiate({}, (err) => (err ? reject(err) : resolve()));
      socket.resume();
    });
    await ping(socket);
    return '';
  },

  async bulk(job) {
    const socket = await connect(job);
    const data = randomLines(BULK);
    socket.write(data);
    same(await read(socket, BULK), data);
    return 'both ways';
  },

  async 'fin-client'(job) {
    const socket = await connect(job);
    const data = crypto.randomBytes(1 << 20);
    socket.end(data);
    const want = Buffer.concat([data, Buffer.from(`end of ${data.length}\n`)]);
    same(await read(socket, Infinity), want);
    return 'answered';
  },

  async 'fin-server'(job) {
    const socket = await connect(job);
    same(await read(socket, Infinity), Buffer.from('closing first\n'));
    const data = Buffer.from(job.token.repeat(100000));
    await new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.end(data, resolve);
    });
    return `sent ${crypto.createHash('sha256').update(data).digest('hex')}`;
  },

  async h2(job) {
    const socket = await connect(job, { ALPNProtocols: ['h2'] });
    const session = http2.connect(`https://${job.name}`, { createConnection: () => socket });
    try {
      const body = await new Promise((resolve, reject) => {
        session.once('error', reject);
        const request = session.request({ ':path': '/who' });
        let text = '';
        request.setEncoding('utf8');
        request.on('data', (part) => { text += part; });
        request.once('error', reject);
        request.once('end', () => resolve(text));
        request.end();
      });
      same(Buffer.from(body), Buffer.from(`${job.name}\n`));
      return 'HTTP/2.0';
    } finally {
      session.destroy();
    }
  },

  async ws(job) {
    const socket = await connect(job, { ALPNProtocols: ['http/1.1'] });
    const key = crypto.randomBytes(16).toString('base64');
    socket.write(`GET /ws HTTP/1.1\r\nHost: ${job.name}\r\nUpgrade: websocket\r\n`
      + `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
    let head = '';
    while (!head.includes('\r\n\r\n')) {
      const part = await read(socket, 1);
      if (part.length === 0) throw new Error('ended early');
      head += part.toString('latin1');
    }
    const proof = crypto.createHash('sha1')
      .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    if (!/^HTTP\/1.1 101 /.test(head) || !head.includes(proof)) {
      throw new Error(`no upgrade: ${head}`);
    }
    const text = Buffer.from('hello '.repeat(20));
    const mask = Buffer.from([1, 2, 3, 4]);
    const masked = text.map((byte, i) => byte ^ mask[i % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, masked]));
    const want = Buffer.concat([Buffer.from([0x81, text.length]), text]);
    same(await read(socket, want.length), want);
    return 'echoed';
  },
};

async function run(words) {
  const job = parseJob(words);
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no end')), JOB_LIMIT_MS);
  });
  try {
    if (!features[job.feature]) throw new Error(`no such feature: ${job.feature}`);
    return `ok ${await Promise.race([features[job.feature](job), limit])}`;
  } catch (err) {
    const text = `${err.code || ''} ${err.message}`;
    return `${REFUSALS.some((mark) => text.includes(mark)) ? 'refused' : 'error'} ${text}`;
  } finally {
    clearTimeout(timer);
    for (const socket of job.sockets) {
      socket.on('error', () => {});
      socket.destroy();
    }
  }
}

async function main() {
  const oneLine = (text) => text.replace(/\s+/g, ' ').trim();
  if (process.argv.length > 2) {
    console.log(oneLine(await run(process.argv.slice(2))));
    return;
  }
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(oneLine(await run(line.split(/\s+/))));
  }
}

main();
