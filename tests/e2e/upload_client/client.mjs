// Uploads a file by tus-js-client, breaks off in the middle, and resumes with a new client: node client.mjs URL TOKEN PROTOCOL FILE
import { createReadStream, statSync } from "node:fs"
import { Upload } from "tus-js-client"

const [endpoint, token, protocol, file] = process.argv.slice(2)
const size = statSync(file).size

function upload(options, onProgress) {
  return new Promise((resolve, reject) => {
    const one = new Upload(createReadStream(file), {
      endpoint,
      protocol,
      uploadSize: size,
      chunkSize: 3 * 1024 * 1024,
      headers: { Authorization: `Bearer ${token}` },
      metadata: { filename: "a.txt", filetype: "text/plain" },
      retryDelays: [200, 500, 1000, 3000, 5000, 10000, 10000],
      onError: reject,
      onSuccess: () => resolve(one),
      onChunkComplete: (chunk, accepted) => onProgress?.(one, accepted, resolve),
      ...options,
    })
    one.start()
  })
}

const first = await upload({}, async (one, accepted, resolve) => {
  if (accepted >= 4 * 1024 * 1024) {
    await one.abort()
    resolve(one)
  }
})
const second = await upload({ uploadUrl: first.url })
console.log(JSON.stringify({ url: second.url, resumed: first.url === second.url }))
