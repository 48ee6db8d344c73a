// Sends one metric of each type with npm's hot-shots; the argument is the port.
const StatsD = require('hot-shots');

const fail = error => { if (error) { console.error(error); process.exit(1); } };
const client = new StatsD({ host: '127.0.0.1', port: Number(process.argv[2]), prefix: 'hot.', globalTags: { env: 'prod' }, errorHandler: fail });
client.increment('count', 3, ['shop:a']);
client.decrement('count', 1, ['shop:a']);
client.gauge('gauge', 5);
client.gaugeDelta('gauge', -2);
client.timing('time', 320);
client.histogram('histogram', 2);
client.distribution('distribution', 2);
client.close(fail);
