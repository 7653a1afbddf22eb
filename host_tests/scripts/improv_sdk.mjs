// A client of ESP Web Tools: npm's improv-wifi-serial-sdk, on the serial port that is stdin and stdout.
// What it learns goes to stderr, a JSON object in each line. Arguments: SDK SSID PASSWORD
import {register} from "node:module";
import {Readable, Writable} from "node:stream";

// The SDK is made for bundlers, which find a file without its ending.
const hook = `export async function resolve(name, context, next) {
  try { return await next(name, context); }
  catch (error) { if (name.startsWith(".")) return next(name + ".js", context); throw error; }
}`;
register("data:text/javascript," + encodeURIComponent(hook));

const [sdk, ssid, password] = process.argv.slice(2);
const {ImprovSerial} = await import(sdk);
const port = {readable: Readable.toWeb(process.stdin), writable: Writable.toWeb(process.stdout)};
const wrong = [];
const logger = {log() {}, debug() {}, error(...words) { wrong.push(words.join(" ")); }};
const client = new ImprovSerial(port, logger);
const states = [];
client.addEventListener("state-changed", event => states.push(event.detail));

const tell = object => process.stderr.write(JSON.stringify(object) + "\n");
const refused = async promise => {
  try { return {answered: await promise}; } catch (error) { return {refused: String(error)}; }
};
tell({info: await client.initialize(20000)});
tell({scan: await client.scan()});
tell({wrong: await refused(client.provision(ssid, "wrong-password"))});
tell({hostname: await refused(client.getHostname(3000))});
tell({network: await refused(client.requestNetworkState(3000))});
tell({right: await refused(client.provision(ssid, password)), url: client.nextUrl ?? null});
await client.requestCurrentState();
tell({states, errors: wrong});
process.exit(0);
