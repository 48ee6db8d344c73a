// Writes, reads and manages with npm's client of InfluxDB 1, writes with that of InfluxDB 2; the argument is the server's URL.
const assert = require('node:assert');
const { FieldType, InfluxDB: Influx1, escape } = require('influx');
const { InfluxDB: Influx2, Point } = require('@influxdata/influxdb-client');

const url = process.argv[2];
const { hostname: host, port } = new URL(url);

async function version1() {
  const fields = { f: FieldType.FLOAT, i: FieldType.INTEGER, s: FieldType.STRING, b: FieldType.BOOLEAN };
  const db = new Influx1({ host, port, database: 'js', schema: [{ measurement: 't', fields, tags: ['host'] }] });
  assert((await db.ping(5000))[0].online);
  await db.createDatabase('js');
  assert.deepEqual(await db.getDatabaseNames(), ['js']);
  const strange = 'a b,c=d';
  const written = { f: 1.5, i: 7, s: 'x "q" y\nz', b: true };
  await db.writePoints([
    { measurement: 't', tags: { host: strange }, fields: written, timestamp: new Date(1700000000000) },
    { measurement: 't', tags: { host: 'z' }, fields: { f: 2 }, timestamp: new Date(1700000001000) },
  ]);
  await db.writeMeasurement('t', [{ tags: { host: 'ns' }, fields: { f: 3 }, timestamp: '1700000002000000123' }], { precision: 'n' });
  const [row] = await db.query(`SELECT * FROM t WHERE host = ${escape.stringLit(strange)}`);
  assert.deepEqual({ f: row.f, i: row.i, s: row.s, b: row.b }, written);
  assert.equal(row.time.getNanoTime(), '1700000000000000000');
  const rows = await db.query('SELECT f FROM t WHERE host = $host', { placeholders: { host: 'ns' } });
  assert.equal(rows[0].time.getNanoTime(), '1700000002000000123');
  const groups = (await db.query('SELECT mean(f) FROM t GROUP BY host')).groups();
  assert.deepEqual(groups.map(group => [group.tags.host, group.rows[0].mean]), [[strange, 1.5], ['ns', 3], ['z', 2]]);
  assert.deepEqual(await db.getMeasurements(), ['t']);
  assert.deepEqual(await db.getSeries(), ['t,host=a\\ b\\,c\\=d', 't,host=ns', 't,host=z']);
  const week = { duration: '7d', replication: 1 };
  await db.createRetentionPolicy('week', week);
  await db.alterRetentionPolicy('week', { ...week, duration: '8d' });
  assert.deepEqual((await db.showRetentionPolicies()).map(policy => policy.duration), ['0s', '192h0m0s']);
  await db.dropRetentionPolicy('week');
  await db.createUser('u', 'p');
  assert.deepEqual((await db.getUsers()).map(user => user.user), ['u']);
  await db.dropUser('u');
  await db.dropSeries({ measurement: m => m.name('t'), where: e => e.tag('host').equals.value('z') });
  assert.equal((await db.getSeries()).length, 2);
  await db.dropMeasurement('t');
  assert.deepEqual(await db.getMeasurements(), []);
}

async function version2() {
  const client = new Influx2({ url, token: 'any' });
  for (const gzipThreshold of [0, 1e6]) {
    const write = client.getWriteApi('any', 'js', 'ns', { gzipThreshold, maxRetries: 0, defaultTags: { env: 'prod' } });
    const point = new Point('m').floatField('f', 2.5).intField('i', 3).booleanField('b', true).stringField('s', 'a"b\\c');
    write.writePoint(point.tag('gzip', String(gzipThreshold)).timestamp('1700000000000000123'));
    await write.close();
  }
}

version1().then(version2).catch(error => { console.error(error); process.exit(1); });
