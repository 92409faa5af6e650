// The picture is what people wait for: it is asked for before the rest of the page has come.

import { Player } from "./player.js";

export const player = new Player(document.getElementById("video"), new URL("/whep", location.href).href);
player.connect();
