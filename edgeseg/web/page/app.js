"use strict";
const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/api/v1/live`);
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.type === "state") document.getElementById("line").textContent = message.state.line;
};
