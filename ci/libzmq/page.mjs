// A page in a browser, as far as node is one: asks a REP what it is, as the guide's page on WebSockets says, and
// prints how long the answer is and how the connection ended.
//   node --experimental-websocket page.mjs ENDPOINT LENGTH
const [endpoint, length] = process.argv.slice(2);
const socket = new WebSocket(endpoint, ["ZWS2.0"]);
socket.binaryType = "arraybuffer";
const send = (more, bytes) => {
    const message = new Uint8Array(1 + bytes.length);
    message[0] = more ? 1 : 0;
    message.set(bytes, 1);
    socket.send(message);
};

socket.onopen = () => {
    send(false, []); // Our routing id: none.
    send(true, []); // As a REQ: the envelope ends here.
    send(false, new Uint8Array(Number(length)).fill(7));
};
let heard = 0;
let answer = 0;
socket.onmessage = ({ data }) => {
    // The first frame is the server's routing id, the second the end of the envelope.
    if (heard++ < 2) return;
    answer = data.byteLength - 1;
    socket.close();
};
socket.onclose = ({ code, wasClean }) => console.log(answer, code, wasClean);
