<?php

/** Asks for the password. @var Station\View $this */

declare(strict_types=1);

?>
<section class="card narrow" aria-labelledby="login">
  <h2 id="login"><?= $this->say('page login') ?></h2>
  <form method="post" action="/login" class="form">
    <?= $this->tokenField() ?>
    <div class="input">
      <label for="password"><?= $this->say('password') ?></label>
      <span class="field"><input class="text" type="password" id="password" name="password"
        autocomplete="current-password" required autofocus></span>
    </div>
    <button><?= $this->say('login') ?></button>
  </form>
</section>
