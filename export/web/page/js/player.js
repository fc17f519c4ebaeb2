import { PageError } from "./page_error.js";

const FIRST_FRAME_MS = 1000; // how long to wait for a file's first frame before it plays

const CAMERA_ERRORS = new Map([
  [
    "NotAllowedError",
    "This page may not use the camera. Allow it in the browser's site settings, or choose a video.",
  ],
  ["NotFoundError", "There is no camera. Connect one, or choose a video."],
  ["OverconstrainedError", "There is no such camera."],
  ["NotReadableError", "The camera cannot be read. Another program may be using it."],
]);

/**
 * Plays a camera or a video in a video element and reports its frames.
 *
 * A frame that arrives while the one before is being processed is left out: the newest frame counts
 * more than all frames.
 */
export class Player {
  #generation = 0; // of what is being played
  #isBusy = false;
  #canvas = new OffscreenCanvas(1, 1);
  /** @type {OffscreenCanvasRenderingContext2D | null} */
  #context = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {(seconds: number) => Promise<void>} onFrame receives the time of each frame
   * @param {(reason: string) => void} onEnd is called when a video or a camera ends by itself
   */
  constructor(video, onFrame, onEnd) {
    this.video = video;
    this.onFrame = onFrame;
    this.onEnd = onEnd;
    this.isLive = false;
    video.addEventListener("ended", () => onEnd("The video has ended."));
    document.addEventListener("visibilitychange", () => this.#pauseWhileHidden());
  }

  /**
   * Opens a camera and shows it.
   *
   * @param {"user" | "environment"} facing which camera of a phone
   */
  async openCamera(facing) {
    const generation = this.#startOver(true);
    const stream = await requestCamera(facing);
    if (generation !== this.#generation) {
      stopTracks(stream);
      return;
    }
    for (const track of stream.getVideoTracks()) {
      track.addEventListener("ended", () => this.onEnd("The camera was disconnected."));
    }
    this.video.srcObject = stream;
    void this.#watch(generation);
    await this.#play(generation);
  }

  /**
   * Opens a video and plays it once.
   *
   * @param {string} url
   * @param {string} name what to call the video in a message
   */
  async openVideo(url, name) {
    const generation = this.#startOver(false);
    const { video } = this;
    video.src = url;
    const firstFrame = this.#watch(generation);
    const isVideo = await new Promise((resolve) => {
      video.addEventListener("loadeddata", () => resolve(true), { once: true });
      video.addEventListener("error", () => resolve(false), { once: true });
    });
    if (generation !== this.#generation) {
      return;
    }
    if (!isVideo) {
      throw new PageError(`${name} is not a video that this browser can play.`);
    }
    if (!video.videoWidth) {
      throw new PageError(`${name} has no pictures.`);
    }
    // A file's time starts at its first frame, which might be left out if it played at once.
    const timeout = new Promise((resolve) => setTimeout(resolve, FIRST_FRAME_MS));
    await Promise.race([firstFrame, timeout]);
    await this.#play(generation);
  }

  /** Stops and releases the camera or the video. */
  close() {
    this.#startOver(false);
  }

  /**
   * Returns the pixels of the current frame.
   *
   * @returns {ImageData}
   */
  grab() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!this.#context || this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#context = this.#canvas.getContext("2d", { willReadFrequently: true });
    }
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (this.#context);
    context.drawImage(this.video, 0, 0);
    return context.getImageData(0, 0, width, height);
  }

  /** @param {boolean} isLive */
  #startOver(isLive) {
    const { video } = this;
    if (video.srcObject instanceof MediaStream) {
      stopTracks(video.srcObject);
    }
    video.srcObject = null;
    video.removeAttribute("src");
    video.load();
    this.isLive = isLive;
    return ++this.#generation;
  }

  /**
   * Reports frames from now on. The promise is fulfilled after the first one.
   *
   * @param {number} generation
   * @returns {Promise<void>}
   */
  #watch(generation) {
    return new Promise((resolve) => {
      this.video.requestVideoFrameCallback(async (now, { mediaTime }) => {
        if (generation !== this.#generation) {
          return;
        }
        this.#watch(generation);
        if (!this.#isBusy) {
          this.#isBusy = true;
          await this.onFrame(this.isLive ? now / 1000 : mediaTime).finally(() => {
            this.#isBusy = false;
          });
        }
        resolve();
      });
    });
  }

  /** @param {number} generation */
  async #play(generation) {
    try {
      await this.video.play();
    } catch (error) {
      if (generation === this.#generation) {
        throw new PageError(`The browser does not play the video: ${error}.`);
      }
    }
  }

  #pauseWhileHidden() {
    if (!this.video.hasAttribute("src") || this.video.ended) {
      return;
    }
    if (document.hidden) {
      this.video.pause();
    } else {
      void this.video.play();
    }
  }
}

/** Returns whether there is another camera to switch to. */
export async function hasSeveralCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput").length > 1;
}

/** @param {string} facing */
async function requestCamera(facing) {
  if (!navigator.mediaDevices) {
    throw new PageError(
      "Browsers give cameras only to pages from https:// or localhost. Choose a video instead.",
    );
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: facing, width: { ideal: 640 }, height: { ideal: 480 } },
    });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    throw new PageError(CAMERA_ERRORS.get(name) ?? `The camera cannot be opened: ${error}.`);
  }
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  stream.getTracks().forEach((track) => track.stop());
}
