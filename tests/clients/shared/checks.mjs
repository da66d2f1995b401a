// One line a check; the program ends with 1 when a check failed.
import { readFileSync } from "node:fs";

export const endpoint = process.env.LAB_TUTOR_CLIENTS_URL;
export const seed = JSON.parse(readFileSync(process.env.LAB_TUTOR_CLIENTS_SEED, "utf8"));

export async function run(client, checks) {
  for (const [name, check] of checks) {
    try {
      await check();
      console.log(`ok   ${client}: ${name}`);
    } catch (error) {
      console.log(`FAIL ${client}: ${name}: ${String(error?.message ?? error).split("\n").slice(0, 6).join(" | ")}`);
      process.exitCode = 1;
    }
  }
}
