// SPDX-License-Identifier: BSL-1.0
// Reads request heads as a server of Node does, whose parser is llhttp: see read_heads.cpp.
'use strict';

const http = require('http');
const { Duplex } = require('stream');

const hex = (text) => Buffer.from(text, 'latin1').toString('hex') || '-';

let read = null;
const server = http.createServer((request, answer) => {
  if (read === null) // the first one of a connection
    read = `head ${hex(request.method)} ${hex(request.url)} ${hex(request.headers.host || '')}`;
  answer.setHeader('Connection', 'close');
  answer.end();
});
server.on('clientError', (_, socket) => socket.destroy());
server.on('upgrade', (request, socket) => {
  read = `head ${hex(request.method)} ${hex(request.url)} ${hex(request.headers.host || '')}`;
  socket.destroy();
});

// A client that has said all that it will say.
class Connection extends Duplex {
  constructor(head) {
    super();
    this.push(head);
    this.push(null);
  }
  _read() {}
  _write(_what, _encoding, done) { done(); }
  setTimeout() { return this; }
  setNoDelay() {}
  setKeepAlive() {}
}

const judge = (head) => new Promise((done) => {
  read = null;
  const one = new Connection(head);
  one.on('close', () => done(read || 'refused'));
  server.emit('connection', one);
});

(async () => {
  const pieces = [];
  for await (const piece of process.stdin)
    pieces.push(piece);
  const all = Buffer.concat(pieces);
  for (let at = 0; at < all.length;) {
    const size = all.readUInt32BE(at);
    process.stdout.write(`${await judge(all.subarray(at + 4, at + 4 + size))}\n`);
    at += 4 + size;
  }
})();
