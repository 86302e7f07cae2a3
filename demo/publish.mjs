// For containers alone: everything in the demo listens on loopback, which published ports do not
// reach. Listens on the given ports of every other address, and carries connections to loopback.

import net from 'node:net';
import os from 'node:os';

const addresses = Object.values(os.networkInterfaces())
  .flat()
  .filter(({ family, internal }) => family === 'IPv4' && !internal)
  .map(({ address }) => address);

for (const port of process.argv.slice(2).map(Number)) {
  for (const address of addresses) {
    net
      .createServer((outside) => {
        const inside = net.connect(port, '127.0.0.1');
        // Whichever end goes first, for whatever reason, the other one has to go too.
        outside.on('error', () => inside.destroy()).on('close', () => inside.destroy());
        inside.on('error', () => outside.destroy()).on('close', () => outside.destroy());
        outside.pipe(inside).pipe(outside);
      })
      .listen(port, address, () => console.log(`${address}:${port} goes to 127.0.0.1:${port}`));
  }
}
